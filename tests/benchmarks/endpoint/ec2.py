"""STS and EC2 in their XML. Which account asks is in the key that AssumeRole gave; instances stop at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.benchmarks.endpoint.shape import MANAGEMENT, OPT_IN_REGIONS, Shape

Form = Mapping[str, str]
_XML = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_STS = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
_KEY_PREFIX = "ASIA"
_MOST = 1000


@dataclass(slots=True)
class _Instance:
    instance_id: str
    number: int
    is_development: bool
    state: str = "running"
    own_tags: dict[str, str] = field(default_factory=dict)


class Ec2Answers:
    """Answers are (status, XML)."""

    def __init__(self, shape: Shape) -> None:
        self._targets: dict[tuple[str, str], dict[str, _Instance]] = {}
        for number, (account, region, size, stops) in enumerate(shape.filled()):
            ids = [f"i-{number:09x}{one:08x}" for one in range(size)]
            self._targets[account, region] = {
                one: _Instance(one, place, place < stops) for place, one in enumerate(ids)
            }
        regions = [(name, "opt-in-not-required") for name in shape.region_names]
        regions += [(name, "not-opted-in") for name in OPT_IN_REGIONS]
        items = "".join(
            f"<item><regionName>{name}</regionName><regionEndpoint>ec2.{name}.amazonaws.com</regionEndpoint>"
            f"<optInStatus>{status}</optInStatus></item>"
            for name, status in regions
        )
        self._regions = _answer("DescribeRegions", f"<regionInfo>{items}</regionInfo>")
        self._none = _answer("DescribeInstances", "<reservationSet/>")
        self._sessions = 0

    def sts(self, operation: str, form: Form, key: str) -> tuple[int, str]:
        if operation == "GetCallerIdentity":
            account = _account_of(key) or MANAGEMENT
            told = (
                f"<Arn>arn:aws:sts::{account}:assumed-role/hub/benchmark</Arn><UserId>A:b</UserId>"
                f"<Account>{account}</Account>"
            )
            return (
                200,
                f"<{operation}Response {_STS}><{operation}Result>{told}</{operation}Result></{operation}Response>",
            )
        if operation != "AssumeRole":
            return _refused("InvalidAction", operation)
        self._sessions += 1
        account, role = form["RoleArn"].split(":")[4], form["RoleArn"].rpartition("/")[2]
        arn = f"arn:aws:sts::{account}:assumed-role/{role}/{form['RoleSessionName']}"
        return 200, (
            f"<AssumeRoleResponse {_STS}><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>{_KEY_PREFIX}{account}{self._sessions % 0x10000:04X}</AccessKeyId>"
            f"<SecretAccessKey>{'s' * 40}</SecretAccessKey><SessionToken>{'t' * 800}</SessionToken>"
            "<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
            f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROA:b</AssumedRoleId></AssumedRoleUser>"
            "</AssumeRoleResult><ResponseMetadata><RequestId>a-request</RequestId></ResponseMetadata>"
            "</AssumeRoleResponse>"
        )

    def ec2(self, operation: str, form: Form, key: str, region: str) -> tuple[int, str]:
        target = self._targets.get((_account_of(key), region), {})
        if operation == "DescribeInstances":
            return self._describe(form, _account_of(key), region, target)
        if operation == "DescribeRegions":
            return 200, self._regions
        if operation == "DescribeInstanceTypes":
            types = "".join(
                f"<item><instanceType>{one}</instanceType><instanceStorageSupported>false</instanceStorageSupported>"
                "</item>"
                for one in _values(form, "Filter.1.Value") or _values(form, "InstanceType")
            )
            return 200, _answer(operation, f"<instanceTypeSet>{types}</instanceTypeSet>")
        if operation in ("CreateTags", "DeleteTags"):
            for one in _values(form, "ResourceId"):
                _tag(target[one], form, delete=operation == "DeleteTags")
            return 200, _answer(operation, "<return>true</return>")
        if operation in ("StopInstances", "StartInstances"):
            return self._change(operation, _values(form, "InstanceId"), target)
        return _refused("InvalidAction", operation)

    def _describe(self, form: Form, account: str, region: str, target: Mapping[str, _Instance]) -> tuple[int, str]:
        """By the filters `instance-id`, `instance-state-name` and `tag:Environment`, in pages."""
        if not target:
            return 200, self._none
        found = [*target.values()]
        ids = set(_values(form, "InstanceId"))
        if ids:
            found = [one for one in found if one.instance_id in ids]
        number = 1
        while name := form.get(f"Filter.{number}.Name"):
            values = set(_values(form, f"Filter.{number}.Value"))
            if name == "instance-id":
                found = [one for one in found if one.instance_id in values]
            elif name == "instance-state-name":
                found = [one for one in found if one.state in values]
            elif name == "tag:Environment":
                found = [one for one in found if _environment(one) in values]
            else:
                return _refused("InvalidParameterValue", f"the benchmark has no filter {name}")
            number += 1
        start = int(form.get("NextToken", "0"))
        end = start + int(form.get("MaxResults", str(_MOST)))
        items = "".join(_instance(one, region, account) for one in found[start:end])
        more = f"<nextToken>{end}</nextToken>" if end < len(found) else ""
        reservation = (
            f"<item><reservationId>r-00000000000000000</reservationId><ownerId>{account}</ownerId><groupSet/>"
            f"<instancesSet>{items}</instancesSet></item>"
        )
        return 200, _answer(
            "DescribeInstances", f"<reservationSet>{reservation if items else ''}</reservationSet>{more}"
        )

    def _change(self, operation: str, ids: list[str], target: Mapping[str, _Instance]) -> tuple[int, str]:
        unknown = [one for one in ids if one not in target]
        if unknown or not ids:
            return _refused("InvalidInstanceID.NotFound", f"The instance ID '{', '.join(unknown)}' does not exist")
        after, code, shown = ("stopped", 64, "stopping") if operation == "StopInstances" else ("running", 0, "pending")
        items = ""
        for one in ids:
            before, target[one].state = target[one].state, after
            items += (
                f"<item><instanceId>{one}</instanceId><currentState><code>{code}</code><name>{shown}</name>"
                f"</currentState><previousState><code>16</code><name>{before}</name></previousState></item>"
            )
        return 200, _answer(operation, f"<instancesSet>{items}</instancesSet>")


def _account_of(key: str) -> str:
    return key.removeprefix(_KEY_PREFIX)[:12] if key.startswith(_KEY_PREFIX) else ""


def _values(form: Form, prefix: str) -> list[str]:
    found, number = [], 1
    while (value := form.get(f"{prefix}.{number}")) is not None:
        found.append(value)
        number += 1
    return found


def _tag(instance: _Instance, form: Form, *, delete: bool) -> None:
    number = 1
    while name := form.get(f"Tag.{number}.Key"):
        if delete:
            instance.own_tags.pop(name, None)
        else:
            instance.own_tags[name] = form.get(f"Tag.{number}.Value", "")
        number += 1


def _environment(instance: _Instance) -> str:
    return "dev" if instance.is_development else "prod"


def _answer(operation: str, inside: str) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{operation}Response {_XML}><requestId>a-request</requestId>{inside}'
        f"</{operation}Response>"
    )


def _refused(code: str, message: str) -> tuple[int, str]:
    text = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return 400, f"<Response>{text}<RequestID>a-request</RequestID></Response>"


def _instance(one: _Instance, region: str, account: str) -> str:
    """As much as EC2 tells of an instance with one interface and one volume: 4.2 KB."""
    tags = {
        "Name": f"server-{one.number}",
        "Environment": _environment(one),
        "Owner": "team@example.com",
        "CostCenter": "cc-1234",
        "aws:cloudformation:stack-name": "servers",
        **one.own_tags,
    }
    tag_set = "".join(f"<item><key>{key}</key><value>{value}</value></item>" for key, value in tags.items())
    code = {"running": 16, "stopped": 80}[one.state]
    reason = "User initiated (2026-11-25 19:00:12 GMT)" if one.state == "stopped" else ""
    end = one.instance_id[-17:]
    address = f"10.0.{one.number // 250}.{one.number % 250 + 1}"
    host = address.replace(".", "-")
    return (
        f"<item><instanceId>{one.instance_id}</instanceId><imageId>ami-0123456789abcdef0</imageId><instanceState>"
        f"<code>{code}</code><name>{one.state}</name></instanceState><privateDnsName>ip-{host}.{region}.compute"
        f".internal</privateDnsName><dnsName/><reason>{reason}</reason><keyName>servers</keyName><amiLaunchIndex>0"
        "</amiLaunchIndex><productCodes/><instanceType>m7g.large</instanceType><launchTime>2026-11-01T08:00:00.000Z"
        f"</launchTime><placement><availabilityZone>{region}a</availabilityZone><availabilityZoneId>use1-az1"
        "</availabilityZoneId><groupName/><tenancy>default</tenancy></placement><monitoring><state>disabled</state>"
        f"</monitoring><subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>"
        f"<privateIpAddress>{address}</privateIpAddress><sourceDestCheck>true</sourceDestCheck><groupSet><item>"
        "<groupId>sg-0123456789abcdef0</groupId><groupName>servers</groupName></item></groupSet><architecture>arm64"
        "</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>"
        f"<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-{end}</volumeId><status>"
        "attached</status><attachTime>2026-11-01T08:00:01.000Z</attachTime><deleteOnTermination>true"
        "</deleteOnTermination></ebs></item></blockDeviceMapping><virtualizationType>hvm</virtualizationType>"
        f"<clientToken>0a1b2c3d-{end}</clientToken><tagSet>{tag_set}</tagSet><hypervisor>xen</hypervisor>"
        f"<networkInterfaceSet><item><networkInterfaceId>eni-{end}</networkInterfaceId><subnetId>"
        "subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId><description/><ownerId>"
        f"{account}</ownerId><status>in-use</status><macAddress>02:00:00:00:00:01</macAddress><privateIpAddress>"
        f"{address}</privateIpAddress><privateDnsName>ip-{host}.{region}.compute.internal</privateDnsName>"
        "<sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>"
        f"servers</groupName></item></groupSet><attachment><attachmentId>eni-attach-{end}</attachmentId>"
        "<deviceIndex>0</deviceIndex><status>attached</status><attachTime>2026-11-01T08:00:00.000Z</attachTime>"
        "<deleteOnTermination>true</deleteOnTermination><networkCardIndex>0</networkCardIndex></attachment>"
        f"<privateIpAddressesSet><item><privateIpAddress>{address}</privateIpAddress><privateDnsName>ip-{host}."
        f"{region}.compute.internal</privateDnsName><primary>true</primary></item></privateIpAddressesSet>"
        "<ipv6AddressesSet/><interfaceType>interface</interfaceType></item></networkInterfaceSet><iamInstanceProfile>"
        f"<arn>arn:aws:iam::{account}:instance-profile/servers</arn><id>AIPAEXAMPLEEXAMPLE</id></iamInstanceProfile>"
        "<ebsOptimized>true</ebsOptimized><cpuOptions><coreCount>2</coreCount><threadsPerCore>1</threadsPerCore>"
        "</cpuOptions><capacityReservationSpecification><capacityReservationPreference>open"
        "</capacityReservationPreference></capacityReservationSpecification><hibernationOptions><configured>false"
        "</configured></hibernationOptions><enclaveOptions><enabled>false</enabled></enclaveOptions><metadataOptions>"
        "<state>applied</state><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>"
        "<httpEndpoint>enabled</httpEndpoint><httpProtocolIpv6>disabled</httpProtocolIpv6><instanceMetadataTags>"
        "disabled</instanceMetadataTags></metadataOptions><platformDetails>Linux/UNIX</platformDetails>"
        "<usageOperation>RunInstances</usageOperation><usageOperationUpdateTime>2026-11-01T08:00:00.000Z"
        "</usageOperationUpdateTime><privateDnsNameOptions><hostnameType>ip-name</hostnameType>"
        "<enableResourceNameDnsARecord>false</enableResourceNameDnsARecord><enableResourceNameDnsAAAARecord>false"
        "</enableResourceNameDnsAAAARecord></privateDnsNameOptions><maintenanceOptions><autoRecovery>default"
        "</autoRecovery></maintenanceOptions><currentInstanceBootMode>uefi</currentInstanceBootMode><operator>"
        "<managed>false</managed></operator></item>"
    )

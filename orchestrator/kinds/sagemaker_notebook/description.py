"""SageMaker notebook instances, as the rest of the project knows them."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.model.kind import CloudCustodianNames, FactWord, KindDescription, LossWord
from orchestrator.core.model.managed_by import MANAGED_BY, MANAGED_BY_WORD, STACK
from orchestrator.core.model.price_items import COMPUTE, STORAGE
from orchestrator.kinds.sagemaker_notebook.loss_words import OUTSIDE_VOLUME

_LIST = frozenset({"sagemaker:ListNotebookInstances"})
_READ = _LIST | {"sagemaker:DescribeNotebookInstance", "sagemaker:ListTags"}
_TAG = frozenset({"sagemaker:AddTags", "sagemaker:DeleteTags"})

SAGEMAKER_NOTEBOOK = KindDescription(
    name="sagemaker_notebook",
    title="SageMaker notebook instances",
    actions=("stop",),
    listing="sagemaker:ListNotebookInstances",
    read_permissions=_READ,
    stop_permissions=_READ | _TAG | {"sagemaker:StopNotebookInstance"},
    start_permissions=_READ | _TAG | {"sagemaker:StartNotebookInstance"},
    operations={
        "sagemaker": frozenset(
            {
                "AddTags",
                "DeleteTags",
                "DescribeNotebookInstance",
                "ListNotebookInstances",
                "ListTags",
                "StartNotebookInstance",
                "StopNotebookInstance",
            }
        )
    },
    rates={},  # AWS publishes none
    arn_form="sagemaker:notebook-instance/{id}",
    price_key="AmazonSageMaker",
    price_items={COMPUTE: ("type",), STORAGE: ()},
    type_fact="instance_type",
    stop_noted_within=timedelta(),
    tells_stop=False,  # rules.last_modified says why
    order=20,
    words=(
        FactWord("instance_type", "instance_type", "Instance type globs.", examples=("ml.t3.*",)),
        FactWord(
            "lifecycle_config",
            "lifecycle_config",
            "Globs for the name of a notebook's lifecycle configuration; unknown without one.",
            examples=("auto-stop-*",),
        ),
        FactWord(
            MANAGED_BY_WORD,
            MANAGED_BY_WORD,
            "What manages it, by its tags: one of these does. It only narrows: members of all but a stack are kept.",
            values=MANAGED_BY,
            several=True,
            examples=(STACK,),
        ),
    ),
    cloud_custodian=CloudCustodianNames(
        state_key="NotebookInstanceStatus",
        running="InService",
        words={"InstanceType": "instance_type", "NotebookInstanceLifecycleConfigName": "lifecycle_config"},
        spans={"CreationTime": "age"},
        resource="sagemaker-notebook",
        stopped="Stopped",
        lost="there, a stop loses everything outside /home/ec2-user/SageMaker; here, that keeps each notebook until "
        "the rule has `accept: [files_outside_volume]`",
    ),
    times=frozenset({"created_at"}),
    losses=(LossWord(OUTSIDE_VOLUME, "files outside /home/ec2-user/SageMaker", must_be_accepted=True, of_each=True),),
    checks=_LIST,  # no call of SageMaker has a dry run
)

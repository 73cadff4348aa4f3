"""Words for what a stop of an instance loses; hibernation loses the same, but for the memory.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html
"""

PUBLIC_IPV4, INSTANCE_STORE, MAC = "public_ipv4", "instance_store_volumes", "mac"

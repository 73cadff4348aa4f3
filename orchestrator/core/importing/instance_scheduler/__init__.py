"""Instance Scheduler on AWS: its schedules and periods, whichever way they are written down, as a policy of ours."""

"""The word for what a stop of a notebook instance loses: AWS terminates the instance, and keeps its volume alone.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopNotebookInstance.html
"""

OUTSIDE_VOLUME = "files_outside_volume"

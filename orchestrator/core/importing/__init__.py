"""Policies of other tools, brought into our form: their texts in, one document of ours and all it does not have out."""

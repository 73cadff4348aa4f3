"""The pages that an opt-out link shows: values in, one small self-contained HTML page out, without any script."""

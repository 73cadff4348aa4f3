"""How people and programs are told of sweeps: one file for each kind of channel (`channel.py` has what each one does).

All messages of a sweep are sent side by side under one deadline (`delivery.py`); `notifier.py` is the port's
implementation. No message of an error, and no log, has a webhook's URL.
"""

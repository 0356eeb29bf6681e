"""The doctor: whether moue works on this machine, and what is wrong with a network or with the faces it is given.

`moue.doctor.diagnose` asks every check in `checks/`. A check is one file and one line in `diagnose.py`.
"""

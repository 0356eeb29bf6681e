"""The doctor: whether moue works on this machine, and what is wrong with a model or with the faces it gets.

`moue.doctor.diagnose` runs every check in `checks/`. A check is one file and one line in `diagnose.py`.
"""

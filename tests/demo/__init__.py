"""`make demo`: the whole product at work on this machine, left up for a user to go on by hand.

`up` in the foreground builds what is missing, starts a supervisor process (`supervisor.py`), and takes one package
all the way (`tour.py`) with the YAML of `deploy/samples`. The supervisor holds cluster, registry, object storage,
the marketplace stand-in and the operator until `down`. With KUBECONFIG the cluster is a given one (`guest.py`).
"""

"""The running lab as a service: what `lab up` listens to."""

"""Reads compose.yaml and kubernetes.yaml as an engine would: which containers, with what."""

import re
from dataclasses import dataclass, field

import yaml


@dataclass
class Container:
    """One container of a document; `address` is where the document lets others find it."""

    name: str
    argv: list[str]
    image: str
    env: dict[str, str] = field(default_factory=dict)
    address: str = ""


@dataclass
class Deployed:
    """Containers by name, and nginx.conf as nginx gets it."""

    containers: dict[str, Container]
    nginx_conf: str
    source: object
    """The parsed document."""

    def servers(self, desk):
        return [each for name, each in self.containers.items() if name.startswith(f"{desk}-")]


def of_compose(text, environ):
    source = _interpolated(yaml.safe_load(text), environ)
    services = source["services"]
    containers = {}
    for name, service in services.items():
        if service.get("profiles"):  # not started with the others
            continue
        argv = service.get("entrypoint") or service["command"]
        fixed = service.get("networks", {}).get("default", {}).get("ipv4_address", name)
        containers[name] = Container(name, argv, service["image"], _set(service), fixed)
    conf = services["nginx"]["environment"]["NGINX_CONF"]
    return Deployed(containers, conf, source)


def _set(service):
    """Its variables, without those that only a shell may set."""
    pairs = service.get("environment", {}).items()
    return {name: value for name, value in pairs if value is not None}


def of_kubernetes(text, secrets):
    """`secrets` are the data of the Secret "signing-keys"."""
    source = list(yaml.safe_load_all(text))
    pods = {}  # name → (labels, the one container's specification)
    for each in source:
        if each["kind"] in ("Deployment", "StatefulSet"):
            name, count = each["metadata"]["name"], each["spec"]["replicas"]
            names = (
                [name] if each["kind"] == "Deployment" else [f"{name}-{i}" for i in range(count)]
            )
            template = each["spec"]["template"]
            for pod in names:
                labels = template["metadata"]["labels"]
                if each["kind"] == "StatefulSet":
                    labels = labels | {"statefulset.kubernetes.io/pod-name": pod}
                pods[pod] = (labels, template["spec"]["containers"][0])
    containers = {}
    for pod, (labels, spec) in pods.items():
        env = {each["name"]: _value(each, pod, secrets) for each in spec.get("env", [])}
        others = [other for other, _ in pods.values() if other != labels]
        address = _service_of(source, labels, others, spec["ports"][0]["containerPort"])
        containers[pod] = Container(pod, spec["command"], spec["image"], env, address)
    [conf] = [each["data"]["nginx.conf"] for each in source if each["kind"] == "ConfigMap"]
    return Deployed(containers, conf, source)


def _service_of(source, labels, others, port):
    """The one Service with an address of its own that selects only this pod, on this port."""
    [name] = [
        each["metadata"]["name"]
        for each in source
        if each["kind"] == "Service"
        and each["spec"].get("clusterIP") != "None"
        and each["spec"]["selector"].items() <= labels.items()
        and not any(each["spec"]["selector"].items() <= other.items() for other in others)
        and each["spec"]["ports"] == [{"port": port}]
    ]
    return name


def _value(variable, pod, secrets):
    if "value" in variable:
        return variable["value"]
    source = variable["valueFrom"]
    if "fieldRef" in source:
        assert source["fieldRef"] == {"fieldPath": "metadata.name"}
        return pod
    assert source["secretKeyRef"]["name"] == "signing-keys"
    return secrets[source["secretKeyRef"]["key"]]


def _interpolated(value, environ):
    """Replace ${NAME:?message} and $$, the two forms that are used; any other $ is a mistake."""
    if isinstance(value, dict):
        return {key: _interpolated(each, environ) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, environ) for each in value]
    if not isinstance(value, str):
        return value

    def replace(found):
        if found[0] == "$$":
            return "$"
        assert found[1], f"not escaped: {value[found.start() : found.start() + 40]!r}"
        return environ[found[1]]

    return re.sub(r"\$\$|\$\{(\w+):\?[^{}]+\}|\$", replace, value)

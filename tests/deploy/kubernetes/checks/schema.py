"""The objects are ones that Kubernetes takes."""

import json
from functools import cache

import kubernetes_validate

from checks import check
from manifests import title

# The oldest release that is promised, and the newest whose schema there is.
RELEASES = ["1.29", kubernetes_validate.latest_version()]


@check
def every_object_is_valid_in_every_release(case):
    """Strictly: a field that the release does not know is a mistake, and so is a kind without a schema."""
    for release in RELEASES:
        for one in case.manifests.objects:
            if mistake := invalid(json.dumps(one), release):
                yield f"{title(one)} in {release}: {mistake}"


@cache
def invalid(text, release):
    """Why the object is not valid; nothing when it is. Kept, since a control changes one object of many."""
    try:
        kubernetes_validate.validate(json.loads(text), release, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message


@check
def no_secret_is_rendered(case):
    for one in case.manifests.all("Secret"):
        yield f"{title(one)} is there"
    for one in case.manifests.all("ConfigMap"):
        for name, value in one["data"].items():
            if "PRIVATE KEY" in value or "postgres://" in value:
                yield f"{title(one)} has a secret as {name}"


@check
def everything_is_in_one_namespace(case):
    (namespace,) = case.manifests.all("Namespace")
    for one in case.manifests.objects:
        if one is not namespace and one["metadata"].get("namespace") != namespace["metadata"]["name"]:
            yield f"{title(one)} is in another namespace"

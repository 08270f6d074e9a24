from tests.apiserver.writing import MERGE, Writing, run_writing

CLAIMS = "/api/v1/namespaces/n/persistentvolumeclaims"
CLASSES = "/apis/storage.k8s.io/v1/storageclasses"


def test_only_a_bound_claim_of_a_class_that_allows_it_grows() -> None:
    # https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims: "You can only
    # expand a PVC if its storage class's allowVolumeExpansion field is set to true."
    async def main(api: Writing) -> None:
        await api.make(CLASSES, "fixed", provisioner="p")
        await api.make(CLASSES, "elastic", provisioner="p", allowVolumeExpansion=True)
        for name in ("fixed", "elastic"):
            spec = {
                "storageClassName": name,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
            }
            await api.make(CLAIMS, name, spec=spec)

        async def grow(name: str) -> tuple[int, str]:
            body = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
            code, answer = await api.ask("PATCH", f"{CLAIMS}/{name}", body, type=MERGE)
            return code, answer.get("message", "")

        # a claim that is not bound has a spec that stays: validation says so before admission
        assert (await grow("elastic"))[0] == 422
        for name in ("fixed", "elastic"):
            bound = {"status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
            assert (await api.ask("PATCH", f"{CLAIMS}/{name}/status", bound, type=MERGE))[0] == 200
        assert await grow("fixed") == (
            403,
            'persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the '
            "storageclass that provisions the pvc must support resize",
        )
        assert (await grow("elastic"))[0] == 200

    run_writing(main)

"""Where terraform remembers what it has made."""

from cdktf import LocalBackend, S3Backend, TerraformStack

from infra.settings import State


def kept(stack: TerraformStack, state: State | None, name: str) -> None:
    """In the stack's own folder; or in a bucket, locked there by the store itself.

    Who may write there is known from the environment of whoever runs it: no key stands here.
    """
    if state is None:
        LocalBackend(stack, path="terraform.tfstate")
        return
    S3Backend(stack, bucket=state.bucket, key=f"{name}.tfstate", region=state.region)
    # Of these, that class does not know all.
    settings: dict[str, object] = {"use_lockfile": True}
    if state.endpoint:  # a store that speaks like S3, and knows no accounts of Amazon
        skipped = (
            "credentials_validation",
            "metadata_api_check",
            "region_validation",
            "requesting_account_id",
            "s3_checksum",
        )
        settings |= {f"skip_{name}": True for name in skipped}
        settings |= {"use_path_style": True, "endpoints": {"s3": state.endpoint}}
    for key, value in settings.items():
        stack.add_override(f"terraform.backend.s3.{key}", value)

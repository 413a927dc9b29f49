"""The repository on GitHub: branches, rules, environments, labels, variables, ways to merge.

Its provider takes the token from GITHUB_TOKEN. What approves a promotion is .github/CODEOWNERS,
which the rules ask for.
"""

from typing import Any

from cdktf import TerraformOutput, TerraformResource, TerraformStack
from constructs import Construct

from infra.settings import Settings, State
from infra.state import kept

SOURCE, VERSION = "integrations/github", "~> 6.8"
CHECKS = ("check", "experiment", "proof")  # jobs of pull-request.yml
# What others were made from is never replaced; a single * matches no slash.
RECORDS = ("release/*", "deploy/**/*", "deployed/**/*", "forced/**/*")
LABELS = {
    "promotion": ("0e8a16", "Brings a release to the next environment"),
    "rollback": ("d93f0b", "Brings an older release back"),
    "hotfix": ("b60205", "Begins at what PROD runs"),
    "retraining": ("1d76db", "New data, no new code"),
}


class Repository(TerraformStack):
    def __init__(
        self,
        scope: Construct,
        about: dict[str, Any],
        environments: list[Settings],
        state: State | None,
    ) -> None:
        super().__init__(scope, "repository")
        kept(self, state, f"{about['name']}/repository")
        self.add_override("terraform.required_providers.github.source", SOURCE)
        self.add_override("terraform.required_providers.github.version", VERSION)
        self.add_override("provider.github", [{"owner": about["owner"]}])
        self.name = self.make(
            "repository",
            "repository",
            name=about["name"],
            visibility="private",
            # A promotion arrives at its exact tree in any of these.
            allow_merge_commit=True,
            allow_squash_merge=True,
            allow_rebase_merge=True,
            delete_branch_on_merge=True,
            lifecycle={"prevent_destroy": True, "ignore_changes": ["visibility", "description"]},
        ).get_string_attribute("name")
        self.branches(environments)
        self.rules([one.branch for one in environments])
        self.permissions()
        for one in environments:
            self.environment(one, f"{about['owner']}/{about['name']}")
        self.labels()
        variables = {"type": "map(string)", "default": {}}
        self.add_override("variable.variables", variables)
        self.make(
            "actions_variable",
            "variables",
            for_each="${var.variables}",
            repository=self.name,
            variable_name="${each.key}",
            value="${each.value}",
        )

    def make(self, kind: str, id_: str, **attributes: Any) -> TerraformResource:
        """A resource of this provider, of which no binding has to be installed."""
        found = TerraformResource(self, id_, terraform_resource_type=f"github_{kind}")
        for key, value in attributes.items():
            found.add_override(key, value)
        return found

    def branches(self, environments: list[Settings]) -> None:
        first = next(one.branch for one in environments if not one.after)
        for one in environments:
            self.make("branch", f"branch-{one.name}", repository=self.name, branch=one.branch)
        self.make("branch_default", "default", repository=self.name, branch=first)

    def rules(self, branches: list[str]) -> None:
        """Merging is promoting: only what was approved and checked arrives."""
        common: dict[str, Any] = {"repository": self.name, "enforcement": "active"}
        heads = {"include": [f"refs/heads/{branch}" for branch in branches], "exclude": []}
        review = {"required_approving_review_count": 1, "require_code_owner_review": True}
        checks = {
            "strict_required_status_checks_policy": True,
            "required_check": [{"context": name} for name in CHECKS],
        }
        self.make(
            "repository_ruleset",
            "rules-of-branches",
            **common,
            name="environments",
            target="branch",
            conditions=[{"ref_name": [heads]}],
            rules=[
                {
                    "deletion": True,
                    "non_fast_forward": True,
                    "pull_request": [review],
                    "required_status_checks": [checks],
                }
            ],
        )
        tags = {"include": [f"refs/tags/{pattern}" for pattern in RECORDS], "exclude": []}
        self.make(
            "repository_ruleset",
            "rules-of-tags",
            **common,
            name="records",
            target="tag",
            conditions=[{"ref_name": [tags]}],
            rules=[{"update": True, "deletion": True}],
        )

    def permissions(self) -> None:
        """Each job asks for what it needs; a delivery opens the next promotion."""
        self.make(
            "workflow_repository_permissions",
            "permissions",
            repository=self.name,
            default_workflow_permissions="read",
            can_approve_pull_request_reviews=True,
        )

    def environment(self, one: Settings, repository: str) -> None:
        """Reached by jobs of its own branch alone; a cloud trusts its subject, not a key."""
        made = self.make(
            "repository_environment",
            f"environment-{one.name}",
            repository=self.name,
            environment=one.name,
            deployment_branch_policy=[
                {"protected_branches": False, "custom_branch_policies": True}
            ],
        )
        self.make(
            "repository_environment_deployment_policy",
            f"policy-{one.name}",
            repository=self.name,
            environment=made.get_string_attribute("environment"),
            branch_pattern=one.branch,
        )
        subject = f"repo:{repository}:environment:{one.name}"
        TerraformOutput(self, f"subject-{one.name}", value=subject)

    def labels(self) -> None:
        for label, (color, description) in LABELS.items():
            self.make(
                "issue_label",
                f"label-{label}",
                repository=self.name,
                name=label,
                color=color,
                description=description,
            )

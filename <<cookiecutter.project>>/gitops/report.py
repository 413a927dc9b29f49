"""What people read in a pull request: the review, made by the tree that is proposed."""

from pathlib import Path

from gitops import bundle
from gitops.context import Context
from gitops.environment import Environment
from gitops.journal import Journal
from gitops.records import Release
from gitops.settings import Refused

SECONDS = 600  # a million rows take twelve; the data may have to come from far away
LIMIT = 60_000  # bytes: a comment of the forge holds a few more, and our own words come before


def promotion(
    context: Context, known: Journal, where: Environment, release: Release, commit: str
) -> str:
    """The body of a promotion: where the release ran, and the review against what runs now."""
    now = known.current(where.name)
    before = known.releases.get(now.intent.tree) if now else None
    lines = [
        f"Brings release `{release.name}` to {where.name}, exactly: "
        "however this is merged, the branch arrives at that tree.",
        "",
        f"Model `{release.model.sha256[:12]}`, made of {release.commit[:12]}. "
        + (f"{where.name} runs `{before.name}`." if before else f"{where.name} runs nothing yet."),
    ]
    if release.skipped:
        lines.append(f"A hotfix by {release.by}: it passes {', '.join(release.skipped)} by.")
    if before and before.model.sha256 == release.model.sha256:
        return "\n".join([*lines, "", "It is the model that runs there: nothing to compare.", ""])
    words = review(context, commit, f"release/{before.name}" if before else None)
    return "\n".join([*lines, "", words])


def review(context: Context, commit: str, base: str | None, prod: str | None = None) -> str:
    """The review of a commit, as Markdown; why there is none, where it can't be made."""
    try:
        with context.repository.checkout(commit) as folder:
            done = bundle.run(folder, "dvc", "pull", "--quiet", seconds=SECONDS)
            if done.returncode:
                return f"No review: the data store lacks its outputs: {tail(done.stderr)}"
            return written(folder, base, prod)[0]
    except Refused as refusal:
        return f"No review: {refusal}"


def written(folder: Path, base: str | None, prod: str | None) -> tuple[str, str]:
    """The review of a folder in which the stages have run, and why it ends red, if it does."""
    words = ["--base", base] if base else []
    words += ["--prod", prod] if prod else []
    page = folder / "reports/review.md"
    page.unlink(missing_ok=True)
    done = bundle.run(folder, "review", *words, seconds=SECONDS)
    if not page.exists():
        return f"No review: {tail(done.stderr)}", tail(done.stderr)
    text = page.read_text()
    if len(text.encode()) > LIMIT:
        text = text.encode()[:LIMIT].decode(errors="ignore") + "\n\n… cut; `make report` has all."
    return text, done.stderr.strip() if done.returncode else ""


def tail(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it ended without a word"

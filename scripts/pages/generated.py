"""Every generated page, by its path below the project."""

from ampt_cli.commands.tree import all_described
from scripts.pages import bash, fish, manual, reference, rows, zsh


def pages() -> dict[str, str]:
    """What each must say."""
    commands = all_described()
    return {
        "completions/ampt.bash": bash.page(commands),
        "completions/ampt-cli.bash": bash.SECOND,
        "completions/_ampt": zsh.page(commands),
        "completions/ampt.fish": fish.page(commands),
        "completions/ampt-cli.fish": fish.SECOND,
        "man/ampt.1": manual.page(commands),
        "docs/cli.md": reference.page(commands),
        "docs/exit_status.md": reference.exit_status(),
        "docs/faults.md": rows.page(),
    }

"""Lines 1 and 6: what a whole process costs, against an interpreter that does nothing."""

from tests.bench import spools
from tests.bench.measure import Figure, Sample, cpus, ms, ratios, run, take_turns, walls
from tests.bench.place import Place, working_in

EVENT = ("user.joined", '{"user_id": 7}')


def publish(place: Place, rounds: int) -> list[Figure]:
    """A whole `ampt publish`: with the spool given, and with a configuration to find."""
    spool = spools.make(place.fresh("spool"))
    project = place.fresh("project")
    deep = project / "src" / "app"
    deep.mkdir(parents=True)
    (project / "ampt.toml").write_text(f'spool = "{spool}"\njobs = 2\n', encoding="utf-8")
    (project / "ampt.toml").chmod(0o600)
    given = [place.ampt, "publish", *EVENT, "--after", "1 day"]

    def direct() -> Sample:
        return run(given, place.with_spool(spool))

    def configured() -> Sample:
        with working_in(deep):
            return run(given, place.env)

    bare, plain, found = take_turns(rounds, place.bare, direct, configured, warm_up=2)
    series = {"bare": ms(walls(bare)), "publish": ms(walls(plain)), "config": ms(walls(found))}
    used = {"bare": ms(cpus(bare)), "publish": ms(cpus(plain)), "config": ms(cpus(found))}
    return [
        Figure(
            1,
            "publish",
            "publish, whole process, AMPT_SPOOL set",
            "times the bare interpreter",
            2.0,
            "less",
            ratios(walls(plain), walls(bare)),
            aim="1.5",
            series=series,
        ),
        Figure(
            1,
            "publish_cpu",
            "publish, CPU alone (user and system)",
            "times the bare interpreter",
            None,
            "less",
            ratios(cpus(plain), cpus(bare)),
            series=used,
        ),
        Figure(
            1,
            "publish_config",
            "publish, a configuration file found and read",
            "times the bare interpreter",
            3.0,
            "less",
            ratios(walls(found), walls(bare)),
            series=series,
        ),
    ]


def idle(place: Place, rounds: int) -> list[Figure]:
    """A one-shot `ampt run` that finds nothing due: what cron starts every minute."""
    spool = spools.make(place.fresh("spool"))
    env = place.with_spool(spool)
    command = [place.ampt, "run", "--handlers", place.handlers]
    bare, idling = take_turns(rounds, place.bare, lambda: run(command, env), warm_up=2)
    return [
        Figure(
            6,
            "idle_run",
            "run with nothing due, whole process",
            "times the bare interpreter",
            4.0,
            "less",
            ratios(walls(idling), walls(bare)),
            series={"bare": ms(walls(bare)), "run": ms(walls(idling))},
        ),
        Figure(
            6,
            "idle_run_cpu",
            "run with nothing due, CPU alone (user and system)",
            "times the bare interpreter",
            None,
            "less",
            ratios(cpus(idling), cpus(bare)),
            series={"bare": ms(cpus(bare)), "run": ms(cpus(idling))},
        ),
    ]


def peers(place: Place, rounds: int) -> list[Figure]:
    """The shortest script that puts one event into each peer's queue, against ours."""
    spool = spools.make(place.fresh("spool"))
    publish = [place.ampt, "publish", *EVENT, "--after", "1 day"]
    figures = []
    for peer, argv, env in scripts(place):

        def enqueue(argv: list[str] = argv, env: dict[str, str] = env) -> Sample:
            return run(argv, env)

        theirs, ours = take_turns(
            rounds, enqueue, lambda: run(publish, place.with_spool(spool)), warm_up=1
        )
        figures.append(
            Figure(
                1,
                f"publish_{peer}",
                f"publish against a script with {peer}",
                "times as long as ampt",
                None,
                "more",
                ratios(walls(theirs), walls(ours)),
                series={peer: ms(walls(theirs)), "ampt": ms(walls(ours))},
            )
        )
    return figures


def scripts(place: Place) -> list[tuple[str, list[str], dict[str, str]]]:
    """Of each installed peer: its name, a command that enqueues one event, and its environment."""
    found = []
    for peer, program in (
        ("dirq", "dirq_app"),
        ("litequeue", "litequeue_app"),
        ("persist-queue", "persist_app"),
    ):
        if place.has(peer):
            command = [place.python, place.program(program), "one", str(place.fresh(peer))]
            found.append((peer, command, place.env))
    if place.has("huey"):
        file, code = place.fresh("huey"), "import huey_app; huey_app.main()"
        env = {**place.env, "HUEY_FILE": str(file), "PYTHONPATH": str(place.folder)}
        found.append(("huey", [place.python, "-c", code, "one"], env))
    return found

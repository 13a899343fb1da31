"""The command line takes what the README says, and says what is wrong with the rest."""

import pytest

from bench.cli.parser import build_parser

OPTIONS_OF_RUN = {
    "--data",
    "--device",
    "--fresh",
    "--help",
    "--json",
    "--limit",
    "--only",
    "--plan",
    "--quiet",
    "--results",
    "--strict",
}


def subparsers() -> dict[str, set[str]]:
    (verbs,) = (action for action in build_parser()._actions if hasattr(action, "choices") and action.choices)
    assert isinstance(verbs.choices, dict)
    return {
        verb: {option for action in parser._actions for option in action.option_strings if option[:2] == "--"}
        for verb, parser in verbs.choices.items()
    }


def test_verbs_and_options_change_only_on_purpose() -> None:
    found = subparsers()
    assert list(found) == [
        *("run", "plan", "report", "rescore"),
        *("models", "complexity", "doctor", "schema"),
    ]
    assert found["run"] == OPTIONS_OF_RUN
    assert found["rescore"] == {"--data", "--evaluator", "--help", "--results"}
    assert found["plan"] == OPTIONS_OF_RUN - {"--plan", "--strict", "--quiet"}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["run", "s.yaml", "--limit", "0"], "argument --limit: '0' is not a number of images, 1 or more"),
        (["run", "s.yaml", "--limit", "ten"], "argument --limit: 'ten' is not a number of images, 1 or more"),
        (
            ["complexity", "k", "--size", "-1"],
            "argument --size: '-1' is not a size; write 224 or 800x1280 (height x width), each 1 to 8192",
        ),
        (["complexity", "k", "--size", "0x224"], "'0x224' is not a size; write 224 or 800x1280"),
        (["complexity", "k", "--size", "8193"], "'8193' is not a size; write 224 or 800x1280"),
        (["complexity", "k", "--size", "224x9999"], "'224x9999' is not a size; write 224 or 800x1280"),
        (["run"], "the following arguments are required: SUITE.yaml"),
        (["walk"], "argument VERB: invalid choice: 'walk'"),
    ],
)
def test_wrong_options_end_with_code_2(
    argv: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        build_parser().parse_args(argv)
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_sizes_are_height_by_width() -> None:
    assert build_parser().parse_args(["complexity", "k", "--size", "800x1280"]).size == (800, 1280)
    assert build_parser().parse_args(["complexity", "k", "--size", "224"]).size == (224, 224)

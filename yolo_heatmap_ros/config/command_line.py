"""Parameters of the node as options of a command."""

import argparse
from typing import Any, Callable, Collection, List, Mapping, Optional

from yolo_heatmap_ros.config.configuration import Configuration
from yolo_heatmap_ros.config.heatmap import HEATMAP_PARAMETERS
from yolo_heatmap_ros.config.specs import ParameterSpec

HISTORY_PERIOD = 900.0
"""Seconds of a bin of history of recordings, by default."""


def _options(names: Collection[str]) -> List[ParameterSpec]:
    return [spec for spec in HEATMAP_PARAMETERS if spec.name in names]


def add_options(parser: argparse.ArgumentParser, names: Collection[str]) -> None:
    """Add an option for each of these parameters: `--heat-unit` for `heat_unit`."""
    group = parser.add_argument_group('options that are parameters of heatmap_node')
    for spec in _options(names):
        name = f"--{spec.name.replace('_', '-')}"
        text = spec.description.replace('%', '%%')
        if isinstance(spec.default, bool):
            group.add_argument(
                name, help=text, default=spec.default,
                action=argparse.BooleanOptionalAction if spec.default else 'store_true')
        else:
            group.add_argument(name, type=_typed(type(spec.default)), default=spec.default,
                               metavar='VALUE', help=text)


def _typed(kind: type) -> Callable[[str], Any]:
    """Return a reader of values as YAML reads a node's: what is no number stays text."""
    def read(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            return text  # which the parameter's own check may accept, or refuse in a sentence
    return read


def configuration_of(arguments: argparse.Namespace, names: Collection[str],
                     values: Optional[Mapping[str, Any]] = None) -> Configuration:
    """
    Return all parameters of the node: those of the options, or their defaults.

    `values` replace some of them.  Raises ParameterError.
    """
    given = {spec.name: getattr(arguments, spec.name) for spec in _options(names)}
    given.update(values or {})
    return Configuration({spec.name: spec.checked(given.get(spec.name, spec.default))
                          for spec in HEATMAP_PARAMETERS})

"""The values of all parameters at one moment."""

from typing import Any, Dict, Iterator, Mapping


class Configuration(Mapping):
    """
    Checked values by parameter name; immutable, so that parts of a node can share it.

    A parameter change creates a new one.
    """

    def __init__(self, values: Mapping[str, Any]):
        """Copy `values`, as `ParameterSpec.checked` returns them."""
        self._values: Dict[str, Any] = dict(values)

    def __getitem__(self, name: str) -> Any:
        """Return the value of a parameter; raises KeyError for an unknown name."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._values)

    def changed(self, changes: Mapping[str, Any]) -> 'Configuration':
        """Return a configuration with other values for some parameters."""
        return Configuration({**self._values, **changes})

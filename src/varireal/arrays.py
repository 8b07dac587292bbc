"""The array type of public signatures; shapes and value ranges are stated in the docstrings."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

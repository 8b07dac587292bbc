"""The array type of public signatures; shapes and value ranges are stated in the docstrings.

Light: at run time it is only a name, so that records can be imported without numpy.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[Any]
else:
    Array = Any

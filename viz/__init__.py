"""Pictures and equations of recorded graphs, in the notation of the slides.

>>> import autograd, viz
>>> w = autograd.tensor(3.0, requires_grad=True)
>>> viz.draw(w * w, show="backward", names={"w": w})
<Diagram: backward, 2 variables, 1 operation>
"""

import autograd

if not (hasattr(autograd, "Tensor") and hasattr(autograd, "primitive")):
    raise ImportError(
        f"viz needs chalkgrad's package autograd, but `import autograd` found another one, HIPS's, at "
        f"{list(getattr(autograd, '__path__', []))}. Use a fresh virtual environment, or run `pip uninstall autograd` "
        "and then install chalkgrad again"
    )

from .diagram import Diagram, DrawingError
from .draw import draw
from .frames import frames
from .notation import Symbol
from .player import player
from .recorder import Recorder
from .sheet import Sheet, sheet
from .step import diff, step
from .theme import Theme

__all__ = [
    "Diagram", "DrawingError", "Recorder", "Sheet", "Symbol", "Theme", "diff", "draw", "frames", "player", "sheet",
    "step",
]  # fmt: skip

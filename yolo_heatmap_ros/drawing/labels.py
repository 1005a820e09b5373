"""Text that is legible on any picture."""

from typing import Tuple

import cv2
import numpy as np


def font_scale_for(height: int, smallest: float = 0.4, height_of_one: int = 1200) -> float:
    """Return OpenCV's font scale for a picture of `height` px: 1 at `height_of_one` px."""
    return max(smallest, height / height_of_one)


def draw_label(picture: np.ndarray, text: str, origin: Tuple[int, int],
               font_scale: float) -> None:
    """
    Write white text with a black outline on `picture`, (H, W, 3) uint8 BGR.

    `origin` is x y in px of the text's lower left corner.
    """
    thin = max(1, round(font_scale))
    for colour, thickness in (((0, 0, 0), 3 * thin), ((255, 255, 255), thin)):
        cv2.putText(picture, text, tuple(map(int, origin)), cv2.FONT_HERSHEY_SIMPLEX, font_scale,
                    colour, thickness, cv2.LINE_AA)

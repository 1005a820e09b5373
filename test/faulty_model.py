"""A real model that fails on some frames: the embedded one, exported, with faults around it."""

import json
from pathlib import Path
import shutil

import torch

GREY = {'raises': 250, 'NaN': 225, 'NaN boxes': 200, 'infinities': 150, 'boxes outside': 100,
        'no anchors': 50, 'every anchor': 25}
"""The even brightness of frames, 0 to 255, that brings about each fault."""

SIZE = 320
"""The longer side of its input in px."""


class Faulty(torch.nn.Module):
    """Passes ordinary pictures through, and fails on those of one even grey."""

    def __init__(self, model: torch.nn.Module):
        super().__init__()
        self.model = model

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        """Return what the model does with (1, 3, H, W), or a fault by the brightness."""
        found = self.model(picture)
        centre = picture[:, :, picture.shape[2] // 4:picture.shape[2] // 2,
                         picture.shape[3] // 4:picture.shape[3] // 2]
        if float(centre.std()) > 0.01:
            return found
        grey = int(torch.round(255.0 * centre.mean()))
        if grey == 250:
            raise RuntimeError('out of memory\nafter a line of its own')
        if grey == 225:
            return found * float('nan')
        if grey == 200:  # of full confidence
            found[:, :4] = float('nan')
            found[:, 4:] = 0.9
            return found
        if grey == 150:
            return found + float('inf')
        if grey == 100:  # boxes far outside, of full confidence
            found[:, :4] = 1e9 * found[:, :4] - 5e8
            found[:, 4:] = 0.9
            return found
        if grey == 25:  # every anchor is an object
            found[:, 4:] = 0.9
            return found
        return found[:, :, :0] if grey == 50 else found


def save_faulty_model(weights: Path, folder: Path) -> Path:
    """Write the TorchScript export of weights, with the faults, to a folder."""
    from ultralytics import YOLO
    copy = Path(shutil.copy(weights, folder / 'plain.pt'))
    exported = YOLO(str(copy)).export(format='torchscript', imgsz=SIZE, verbose=False)
    about = {'config.txt': ''}
    model = torch.jit.load(exported, _extra_files=about)
    target = folder / 'faulty.torchscript'
    torch.jit.save(torch.jit.script(Faulty(model)), str(target),
                   _extra_files={'config.txt': json.dumps(json.loads(about['config.txt']))})
    return target

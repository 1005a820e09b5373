"""The parameters of masks for Nav2, of nodes with heat on a floor."""

from yolo_heatmap_ros.config.specs import number, Settable

NAVIGATION_PARAMETERS = (
    number('nav.speed_low', 0.0, 'Heat, in heat_unit, from which ~/speed_mask slows robots down; '
           'at nav.speed_high or above: only from there.', 0.0, 1e9),
    number('nav.speed_high', 0.0, 'Heat, in heat_unit, from which ~/speed_mask slows robots down '
           'to nav.speed_slowest; 0: no such mask.', 0.001, 1e9, off=0.0),
    number('nav.speed_slowest', 30, 'Speed limit at nav.speed_high, in percent of full speed.', 1,
           99),
    number('nav.keepout_low', 0.0, 'Heat, in heat_unit, from which ~/keepout_mask makes places '
           'costly, rising up to nav.keepout; 0: no costs below nav.keepout.', 0.001, 1e9,
           off=0.0),
    number('nav.keepout', 0.0, 'Heat, in heat_unit, from which ~/keepout_mask closes a place; 0: '
           'no such mask.', 0.001, 1e9, off=0.0),
    number('nav.rate', 0.1, 'How often masks are compared with the last ones, in Hz; those that '
           'have changed are published.', 0.01, 100.0, Settable.UNCONFIGURED),
)

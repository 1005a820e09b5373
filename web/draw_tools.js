/** What can be drawn, and how that is done, in words. */

/** Kinds of shapes that can be drawn, and what they are called; 'move' changes them. */
export const TOOLS = [['regions', 'Region'], ['lines', 'Line'], ['ignored_areas', 'Ignored area'],
                      ['ground', 'Ground'], ['move', 'Change']];
/** What to do, by kind. */
export const TIPS = {
  regions: 'Click the corners of the region; Finish, Enter, a double click or a click on the '
    + 'first corner closes it. Once there are regions, heat is added only inside them.',
  lines: 'Click the points of the line; Finish, Enter or a double click ends it. Forward is where '
    + 'the arrow points: to the right, as seen along the line from its first point.',
  ignored_areas: 'Click the corners of what shall not be looked at, such as a screen or a mirror; '
    + 'Finish, Enter, a double click or a click on the first corner closes it.',
  ground: 'Click four points on the floor whose places you have measured, far from each other; '
    + 'then enter their metres in the list.',
  move: 'Click a shape to choose it, drag its points, or move them with the arrow keys (Shift: '
    + 'farther). The small dots put in further points; Delete removes one.'};

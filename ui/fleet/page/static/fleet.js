// The pages of headquarters work without this script. With it, numbers follow the board, the grid can
// be walked with the arrow keys, stores can be chosen in it, and times can be read in another zone.
import { follow } from './live.js';
import { grid } from './grid.js';
import { picks } from './pick.js';
import { times } from './times.js';

const walk = grid(document.getElementById('grid'));
const show = times(document.getElementById('times'));
picks(document.getElementById('picks'), walk);
follow(document.body.dataset.asOf, { walk, show });

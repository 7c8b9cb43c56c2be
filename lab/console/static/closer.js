/** What *Look closer* shows: loaded when it is first opened, since a lesson can be had without. */

import "./challenges.js";
import "./crowd.js";
import "./evidence.js";
import "./further.js";
import "./instructor.js";
import "./runs.js";
import "./shop.js";
import "./timeline.js";
import "./token.js";

/* The whole of the in-source maths as one header, for who compiles it by itself (its tests). Not what is printed: a
 * printer puts the same parts together, see ../prelude.h. Give TN_WANT_LANES a lane count beside 1, or nothing. */
#include "base.h"
#define TN_LANES 1
#include "sections.h"
#undef TN_LANES
#ifdef TN_WANT_LANES
#define TN_LANES TN_WANT_LANES
#include "sections.h"
#undef TN_LANES
#endif

/* Every section for one lane count, in order. */
/* NOLINTBEGIN(readability-duplicate-include): templates, and parts that guard themselves */
#include "vector.h"

#include "f32.h"

#include "exact.h"
#include "trig.h"
#include "wide.h"

#include "float.h"

#include "elementary.h"

#include "f32_ops.h"

#include "float_end.h"

#include "f64.h"

#include "exact.h"
#include "trig.h"

#include "float.h"

#include "elementary.h"

#include "f64_ops.h"

#include "float_end.h"

#include "integer.h"

#include "convert.h"
/* NOLINTEND(readability-duplicate-include) */

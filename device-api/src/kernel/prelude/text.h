/* The sections of the in-source maths as text; the definitions are made by embed.cmake. */
#ifndef TENON_KERNEL_PRELUDE_TEXT_H
#define TENON_KERNEL_PRELUDE_TEXT_H

extern const char tenon__prelude_text_base[];
extern const char tenon__prelude_text_vector[];
extern const char tenon__prelude_text_f32[];
extern const char tenon__prelude_text_f64[];
extern const char tenon__prelude_text_integer[];
extern const char tenon__prelude_text_convert[];
extern const char tenon__prelude_text_access[]; /* not maths: the printer's own */

#endif

/* In-source maths, section F32, last part: what goes through double. */

TN_LARGE TN_FT TNF(trig)(TN_FT a, int turn) {
    TN_FT r;
    for (int i = 0; i < TN_LANES; i += TN_WIDE) TN_NARROW(r, i, tn__wide_trig(TN_WIDEN(a, i), turn));
    TN_IT large = ~TN_MASK(TNF(abs)(a) < TN_WIDE_TRIG_LIMIT);
    if (__builtin_expect(TN2(any_, TN_I)(large), 0)) {
        TN_EACH(i) {
            if (TN_AT(large, i)) TN_AT(r, i) = (float)tn__trig_large(TN_AT(a, i), turn);
        }
    }
    return r;
}
TN_INLINE TN_FT TNF(sin)(TN_FT a) {
    return TNF(trig)(a, 0);
}
TN_INLINE TN_FT TNF(cos)(TN_FT a) {
    return TNF(trig)(a, 1);
}

TN_LARGE TN_FT TNF(pow)(TN_FT a, TN_FT b) {
    TN_FT r;
    for (int i = 0; i < TN_LANES; i += TN_WIDE) TN_NARROW(r, i, tn__wide_pow(TN_WIDEN(a, i), TN_WIDEN(b, i)));
    return TNF(pow_signs)(a, b, r);
}

TN_LARGE TN_FT TNF(rem)(TN_FT a, TN_FT b) {
    TN_FT r;
    for (int i = 0; i < TN_LANES; i += TN_WIDE) TN_NARROW(r, i, tn__wide_rem(TN_WIDEN(a, i), TN_WIDEN(b, i)));
    TN_IT hard = TN_MASK(r != r);
    if (__builtin_expect(TN2(any_, TN_I)(hard), 0)) {
        TN_EACH(i) {
            if (TN_AT(hard, i)) TN_AT(r, i) = (float)tn__rem_exact(TN_AT(a, i), TN_AT(b, i));
        }
    }
    return r;
}

declare const brand: unique symbol;

/**
 * A value of type `T` that was checked once, where it entered, and needs no second check. The brand exists for the
 * compiler only. Brands add up: a `Brand<…, "A"> & Brand<…, "B">` is both.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: { readonly [K in Name]: true } };

declare const brand: unique symbol;

/**
 * A value of type `T` that was checked once, where it entered, and needs no second check. The brand exists for the
 * compiler only.
 */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

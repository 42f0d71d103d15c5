import koffi, { type KoffiFunc } from "koffi";
import { sysError } from "./errno.ts";

const libc = koffi.load(null);

/** A function of the C library by its prototype. No `ssize_t` in koffi: int64_t is the same on every 64-bit Linux. */
export function bind<T extends (...args: never[]) => number>(prototype: string): KoffiFunc<T> {
  return libc.func(prototype) as KoffiFunc<T>;
}

/** Throws the error of a call that returned a negative number. A descriptor as the subject is named `fd 7`. */
export function check(result: number, call: string, subject: string | number): number {
  if (result < 0) throw sysError(call, typeof subject === "number" ? `fd ${subject}` : subject);
  return result;
}

/** True when the call before failed with this error. */
export function failedWith(name: string): boolean {
  return koffi.errno() === koffi.os.errno[name];
}

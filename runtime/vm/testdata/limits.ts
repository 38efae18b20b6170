export function tooWarm(celsius: number): boolean {
  if (typeof celsius !== "number") {
    throw new TypeError("celsius must be a number");
  }
  return celsius > 30;
}

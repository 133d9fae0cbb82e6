/** A vendor's wheel: a zip, pinned by its hash and asked for by its tags, whatever Python runs pip. */
export interface Wheel {
  /** As pip knows the distribution. */
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sha256: string;
  /** Compatibility tags, as pip's --python-version, --abi and --platform take them. */
  readonly python: string;
  readonly abi: string;
  readonly platform: string;
  /** Shared libraries (sonames) of a system installation that make this wheel unnecessary. @default none */
  readonly replacedBy?: readonly string[];
}

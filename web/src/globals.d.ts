/** Set when the page is built, see vite.config.ts. */

declare const __VERSION__: string;
declare const __MOUE__: string;
declare const __WASM_BYTES__: number;
declare const __JSPI_BYTES__: number;
declare const __DETECTOR_BYTES__: number;

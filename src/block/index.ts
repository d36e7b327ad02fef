export type { BlockSettings } from './builder.js';
export { routesOf } from './route.js';
export { shiftBlock } from './shift.js';
export { type BlockStage, createBlockStage } from './stage.js';

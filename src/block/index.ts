export { routesOf } from './route.js';
export { type BlockStage, createBlockStage } from './stage.js';

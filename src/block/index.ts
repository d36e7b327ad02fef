export { type Route, type RouteSettings, routesOf } from './route.js';
export { type BlockStage, type BlockStageOptions, createBlockStage } from './stage.js';

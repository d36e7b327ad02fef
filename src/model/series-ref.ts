/** Index of a series in its owner's table, while the series lives. Used again for another series after it went. */
export type SeriesRef = number;

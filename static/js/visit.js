// Notes that the gallery and the photo page leave for each other, for this tab alone.

const LAST = "last-photo";
const RETURN = "return-to";
const here = () => location.pathname + location.search;

const take = (key) => {
  const value = sessionStorage.getItem(key);
  sessionStorage.removeItem(key);
  return value;
};

/** The photo looked at: the gallery will show where it is. */
export const rememberPhoto = (id) => sessionStorage.setItem(LAST, id);
export const lastPhoto = () => take(LAST);

/** Asks the next visit of `url` to find its old place, though it is no step back in the browser's history. */
export const expectReturn = (url = here()) => sessionStorage.setItem(RETURN, url);
export const isReturn = () => take(RETURN) === here();

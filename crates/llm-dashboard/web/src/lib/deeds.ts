// Doing something, and saying how it went.

import { told } from "./load";
import { toast } from "../parts/toast";

/** Does it; what goes wrong is said in a corner. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(told(error), "bad");
    return false;
  }
}

/** The schema of a tensor's datatype. It stands apart, so that tensors need no schema library. */
import { z } from "zod";
import { DATATYPES, type Datatype } from "./tensor.ts";

export const datatype = z.enum(Object.keys(DATATYPES) as [Datatype, ...Datatype[]]);

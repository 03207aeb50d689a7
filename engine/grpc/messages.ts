/**
 * The messages of inference.proto that more than one file handles, as they are decoded: 64-bit integers as texts, fields that were not
 * sent with their defaults, messages that were not sent as null. Where a message is built, fields may be left out.
 */

/** The field that is set, named by `parameter_choice`. */
export interface ParameterMessage {
  readonly parameter_choice?: "bool_param" | "int64_param" | "string_param" | "double_param" | "uint64_param";
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly double_param?: number;
  readonly uint64_param?: string;
}

export type ParameterMessages = Readonly<Record<string, ParameterMessage>>;

/** To load or unload a model. */
export interface RepositoryChangeMessage {
  readonly model_name: string;
  readonly parameters: ParameterMessages;
}

export interface ContentsMessage {
  readonly bool_contents: readonly boolean[];
  readonly int_contents: readonly number[];
  readonly int64_contents: readonly string[];
  readonly uint_contents: readonly number[];
  readonly uint64_contents: readonly string[];
  readonly fp32_contents: readonly number[];
  readonly fp64_contents: readonly number[];
  readonly bytes_contents: readonly Uint8Array[];
}

export type ContentsField = keyof ContentsMessage;

export interface InputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  readonly parameters: ParameterMessages;
  readonly contents: ContentsMessage | null;
}

export interface InferRequestMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters: ParameterMessages;
  readonly inputs: readonly InputMessage[];
  readonly outputs: readonly { readonly name: string; readonly parameters: ParameterMessages }[];
  readonly raw_input_contents: readonly Uint8Array[];
}

export interface OutputMessage {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly contents?: Partial<ContentsMessage>;
}

export interface InferResponseMessage {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly parameters?: ParameterMessages;
  readonly outputs: readonly OutputMessage[];
  readonly raw_output_contents?: readonly Uint8Array[];
}

export interface StreamInferResponseMessage {
  readonly error_message?: string;
  readonly infer_response: InferResponseMessage;
}

/** As ParameterMessage. */
export interface RepositoryParameterMessage {
  readonly parameter_choice?: "bool_param" | "int64_param" | "string_param" | "bytes_param";
  readonly bool_param?: boolean;
  readonly int64_param?: string;
  readonly string_param?: string;
  readonly bytes_param?: Uint8Array;
}

export interface RepositoryModelMessage {
  readonly model_name: string;
  readonly parameters: Readonly<Record<string, RepositoryParameterMessage>>;
}

/** What names a model and a version of it; an empty version is the one in production. */
export interface ModelNameMessage {
  readonly name: string;
  readonly version: string;
}

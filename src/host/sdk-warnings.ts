/** Before an SDK of AWS is loaded: what it has to say of this version of Node is for those who build the program. */
export function silenceSdkWarnings(): void {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true'
}

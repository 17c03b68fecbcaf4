frobnicate { kepe; fileinto; }
if frobnicate (kepe, fileinto) { keep "x"; }

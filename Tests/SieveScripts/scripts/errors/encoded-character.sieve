require ["encoded-character", "fileinto"];
fileinto "x${unicode:200000}";
fileinto "x${unicode:200000";
fileinto "x${Unicode:DF01}";
fileinto "x${hex:200000}";
fileinto "x${hex:ff}";

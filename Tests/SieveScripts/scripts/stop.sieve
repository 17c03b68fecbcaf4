require "fileinto"; if true { if true { fileinto "x"; stop; } } keep;

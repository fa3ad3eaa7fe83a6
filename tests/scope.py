"""The tensor operations in scope: PyTorch's names, by group. The parity test runs PyTorch's samples of every one."""

SCOPE = {
    "elementwise": """
        add sub mul div true_divide floor_divide remainder fmod pow float_power abs sign neg positive exp exp2 expm1 log
        log1p log2 log10 sqrt rsqrt square reciprocal sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
        sigmoid erf erfc floor ceil round trunc frac clamp clamp_min clamp_max maximum minimum fmax fmin where logaddexp
        logaddexp2 xlogy lerp hypot addcmul addcdiv logit nan_to_num heaviside eq ne lt le gt ge logical_and logical_or
        logical_not logical_xor bitwise_and bitwise_or bitwise_xor bitwise_not isnan isinf isfinite isclose allclose
        equal sgn signbit rad2deg deg2rad
        __radd__ __rsub__ __rmul__ __rdiv__ __rpow__ __rmatmul__ __rmod__ __rand__ __ror__ __rxor__
    """,
    "reduction": """
        sum mean prod max min amax amin aminmax argmax argmin any all var std var_mean std_mean norm linalg.norm
        linalg.vector_norm logsumexp cumsum cumprod softmax log_softmax nansum nanmean median nanmedian count_nonzero
    """,
    "linalg": """
        matmul mm mv bmm dot inner outer addmm addmv addbmm baddbmm addr einsum tensordot trace tril triu diag diagonal
        diag_embed kron vdot
    """,
    "shape": """
        reshape view flatten unflatten ravel squeeze unsqueeze transpose t permute movedim T mT expand expand_as
        broadcast_to repeat tile cat stack hstack vstack split chunk unbind narrow select index_select gather scatter
        scatter_add masked_fill masked_select take_along_dim flip fliplr flipud roll meshgrid topk sort argsort clone
        contiguous __getitem__ view_as reshape_as atleast_1d atleast_2d broadcast_tensors index_put index_add
        index_fill index_copy nonzero unsqueeze_copy repeat_interleave
    """,
    "creation": """
        zeros ones full empty arange linspace logspace eye zeros_like ones_like full_like empty_like rand_like
        randn_like randint_like randn randint normal bernoulli multinomial new_zeros new_ones new_full
        new_empty fill zero_
    """,
    "activation": """
        nn.functional.relu nn.functional.relu6 nn.functional.leaky_relu nn.functional.prelu nn.functional.elu
        nn.functional.selu nn.functional.celu nn.functional.gelu nn.functional.silu nn.functional.mish
        nn.functional.softplus nn.functional.softsign nn.functional.hardtanh nn.functional.hardsigmoid
        nn.functional.hardswish nn.functional.logsigmoid nn.functional.tanhshrink nn.functional.threshold
        nn.functional.glu nn.functional.softmin nn.functional.hardshrink nn.functional.softshrink
        nn.functional.normalize nn.functional.cosine_similarity nn.functional.pairwise_distance nn.functional.one_hot
    """,
    "loss": """
        nn.functional.mse_loss nn.functional.l1_loss nn.functional.smooth_l1_loss nn.functional.huber_loss
        nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits nn.functional.cross_entropy
        nn.functional.nll_loss nn.functional.kl_div nn.functional.poisson_nll_loss nn.functional.gaussian_nll_loss
        nn.functional.hinge_embedding_loss nn.functional.margin_ranking_loss nn.functional.soft_margin_loss
        nn.functional.multi_margin_loss nn.functional.cosine_embedding_loss
    """,
    "layer": """
        nn.functional.linear nn.functional.bilinear nn.functional.dropout nn.functional.dropout2d
        nn.functional.alpha_dropout nn.functional.batch_norm nn.functional.layer_norm nn.functional.embedding
    """,
    "convolution": """
        nn.functional.conv1d nn.functional.conv2d nn.functional.max_pool1d nn.functional.max_pool2d
        nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.adaptive_avg_pool1d
        nn.functional.adaptive_avg_pool2d nn.functional.pad nn.functional.unfold
    """,
}
